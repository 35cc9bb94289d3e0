/** Line drawings beside words; they say nothing that the words do not. */
const paths = {
  start: 'M4 11.5 12 4l8 7.5V20h-5.5v-5h-5v5H4z',
  stock: 'M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8',
  orders: 'M6 4h12v16H6zM9 9h6M9 13h6M9 17h3',
  purchases: 'M3 6h11v10H3zM14 10h4l3 3v3h-7zM7 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM17.5 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  inbox: 'M4 13.5 6.5 5h11L20 13.5V19H4zM4 13.5h4.5l1.5 2.5h4l1.5-2.5H20',
  devices: 'M3.5 6h7v12h-7zM13.5 6h7v12h-7zM6 15.5h2M16 15.5h2',
  import: 'M12 4v11M7.5 10.5 12 15l4.5-4.5M4 19.5h16',
  log: 'M4 6h3M4 12h3M4 18h3M10 6h10M10 12h10M10 18h6',
  measure: 'M4 17a8 8 0 1 1 16 0M12 17l4-6M4 17h2.5M17.5 17H20M12 9v2',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20',
  back: 'M14.5 5.5 8 12l6.5 6.5',
} as const

export type IconName = keyof typeof paths

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d={paths[name]} />
  </svg>
)
