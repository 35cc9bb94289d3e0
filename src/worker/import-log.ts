/** Reads an export, line by line, into an engine. */
import type { Engine } from '../engine/engine.ts'

const linesPerPage = 500
const charactersPerPage = 1_000_000

export const importLog = (engine: Engine, file: Blob): ReturnType<Engine['import']> => engine.import(pagesOf(file))

/** The first line alone, then pages of lines without their ends. Empty lines are left out. */
async function* pagesOf(file: Blob): AsyncGenerator<readonly string[]> {
  const reader = file.stream().pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  let page: string[] = []
  let characters = 0
  let limit = 1
  for (;;) {
    const { done, value = '' } = await reader.read()
    const lines = (rest + value).split('\n')
    rest = done ? '' : (lines.pop() as string)
    for (const line of lines.map((each) => each.trim())) {
      if (line === '') continue
      page.push(line)
      characters += line.length
      if (page.length < limit && characters < charactersPerPage) continue
      yield page
      limit = linesPerPage
      page = []
      characters = 0
    }
    if (!done) continue
    if (page.length > 0) yield page
    return
  }
}
