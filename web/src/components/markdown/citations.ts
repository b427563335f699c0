import type { Nodes, Parent, PhrasingContent, Root, RootContent, Text } from 'mdast';

declare module 'mdast' {
  interface PhrasingContentMap {
    citation: Citation;
  }
  interface RootContentMap {
    citation: Citation;
  }
}

/** An `[n]` in an answer that names one of its sources. */
interface Citation {
  type: 'citation';
  data: { hName: 'cite'; hProperties: { 'data-source': number } };
  children: [];
}

const MARKER = /\[(\d{1,3})\]/g;
const OPAQUE = new Set(['link', 'linkReference', 'inlineCode', 'code']);

/** A remark plugin: turns `[n]` into a citation where `n` is the number of a source. */
export function remarkCitations(options: { ordinals: ReadonlySet<number> }) {
  return (tree: Root) => replaceMarkers(tree, options.ordinals);
}

function replaceMarkers(node: Nodes, ordinals: ReadonlySet<number>): void {
  if (!('children' in node) || OPAQUE.has(node.type)) return;
  const parent = node as Parent;
  parent.children = parent.children.flatMap<RootContent>((child) =>
    child.type === 'text' ? splitText(child, ordinals) : [child],
  );
  for (const child of parent.children) replaceMarkers(child, ordinals);
}

function splitText(node: Text, ordinals: ReadonlySet<number>): PhrasingContent[] {
  const parts: PhrasingContent[] = [];
  let end = 0;
  for (const match of node.value.matchAll(MARKER)) {
    const ordinal = Number(match[1]);
    if (!ordinals.has(ordinal)) continue;
    if (match.index > end) parts.push({ type: 'text', value: node.value.slice(end, match.index) });
    parts.push(citation(ordinal));
    end = match.index + match[0].length;
  }
  if (end < node.value.length) parts.push({ type: 'text', value: node.value.slice(end) });
  return parts;
}

function citation(ordinal: number): Citation {
  return {
    type: 'citation',
    data: { hName: 'cite', hProperties: { 'data-source': ordinal } },
    children: [],
  };
}
