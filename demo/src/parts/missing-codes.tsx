/** The codes of which there was not enough; the first few of them where they are many. */
import { href } from '../router.ts'

const shownAtMost = 4

export const MissingCodes = ({ codes }: { readonly codes: readonly string[] }) => (
  <span className="codes">
    {codes.slice(0, shownAtMost).map((code) => (
      <a key={code} href={href(['stock', code])}>
        {code}
      </a>
    ))}
    {codes.length > shownAtMost && <span className="faint">and {codes.length - shownAtMost} more</span>}
  </span>
)
