const PROTOCOLS = new Set(['http:', 'https:', 'mailto:']);

export interface ForeignLink {
  href: string;
  /** What people should know before they follow it. */
  host: string;
}

/**
 * The address of a link in text that a model wrote, or `null` if nobody should follow it: addresses
 * without a host would lead into this site with the reader's rights.
 */
export function foreignLink(address: string | undefined): ForeignLink | null {
  if (address === undefined) return null;
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  if (!PROTOCOLS.has(url.protocol)) return null;
  return { href: url.href, host: url.protocol === 'mailto:' ? url.pathname : url.host };
}
