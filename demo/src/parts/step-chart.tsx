/** Stock on hand from movement to movement, as steps. */
export interface Step {
  readonly version: number
  readonly onHand: number
}

export interface StepChartProps {
  /** The oldest first. */
  readonly steps: readonly Step[]
  readonly reorderPoint: number
  /** The version that is looked at, if any. */
  readonly marked: number | undefined
  readonly title: string
}

const [width, height] = [600, 130]

export function StepChart({ steps, reorderPoint, marked, title }: StepChartProps) {
  const last = Math.max(steps.at(-1)?.version ?? 1, 2)
  const top = Math.max(...steps.map((step) => step.onHand), reorderPoint, 1) * 1.1
  const x = (version: number): number => ((version - 1) / (last - 1)) * width
  const y = (onHand: number): number => height - (onHand / top) * height
  const line = steps
    .map(({ version, onHand }, index) => `${index === 0 ? 'M' : 'H'}${x(version)}${index === 0 ? ' ' : 'V'}${y(onHand)}`)
    .join('')
  return (
    <svg className="steps" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={title}>
      {steps.length > 0 && <path className="steps-area" d={`${line}V${height}H${x(steps[0]?.version ?? 1)}Z`} />}
      <line className="steps-point" x1={0} x2={width} y1={y(reorderPoint)} y2={y(reorderPoint)} />
      {steps.length > 0 && <path className="steps-line" d={line} />}
      {marked !== undefined && <line className="steps-mark" x1={x(marked)} x2={x(marked)} y1={0} y2={height} />}
    </svg>
  )
}
