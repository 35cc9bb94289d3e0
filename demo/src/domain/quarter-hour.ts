/** In every time zone a day is a whole number of quarter hours, so a screen can add them up to its own days and hours. */
export const quarterHourMs = 15 * 60 * 1000

/** When the quarter hour of this instant began. */
export const quarterOf = (at: number): number => at - (at % quarterHourMs)
