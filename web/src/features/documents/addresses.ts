/** The addresses in a text that was typed or pasted, each once: one per line, or with spaces between. */
export function addressesOf(text: string): string[] {
  return [...new Set(text.split(/\s+/).filter((word) => word !== ''))];
}
