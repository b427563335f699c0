/** Resources of the REST API, under the names that it gives them. */

export type Language = 'en' | 'ko';
export type BrainRole = 'viewer' | 'editor' | 'owner';
export type DocumentState =
  | 'received'
  | 'reading'
  | 'indexing'
  | 'ready'
  | 'failed'
  | 'cancelled';
export type TurnState = 'queued' | 'running' | 'completed' | 'failed' | 'stopped';
export type Scope = 'brains:read' | 'brains:write' | 'chat';

export interface Paged<T> {
  count: number;
  next: string | null;
  previous: string | null;
  results: T[];
}

export interface Named {
  id: string;
  name: string;
}

export interface GroupName {
  id: number | string;
  name: string;
}

export interface Site {
  name: string;
  sign_up_open: boolean;
  version: string;
  upload_limit_bytes: number;
  accepted_types: string[];
  /** Those that can read a document again; the first is the usual one. */
  ocr_engines: string[];
  languages: unknown;
}

export interface User {
  id: string;
  email: string;
  name: string;
  language: Language;
  role: 'member' | 'admin';
  groups: GroupName[];
}

export interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  scopes: Scope[];
  created_at: string;
  last_used_at: string | null;
  expires_at: string | null;
  revoked_at?: string | null;
  /** Only in the answer to its creation. */
  key?: string;
}

export interface ChatModel {
  id: string;
  name: string;
  kind: string;
  notes: string;
  context_tokens: number;
  prompt_tokens: number;
  output_tokens: number;
  /** Per million tokens, as decimals. */
  price_prompt: string;
  price_completion: string;
  is_default: boolean;
  is_available: boolean;
}

export interface Brain {
  id: string;
  name: string;
  description: string;
  instructions: string;
  model: string | null;
  rewrites_questions: boolean;
  role: BrainRole;
  created_at: string;
  updated_at: string;
  documents_count: number;
  members_count: number;
}

export interface BrainMember {
  id: string;
  user: { id: string; email: string; name: string } | null;
  group: GroupName | null;
  role: BrainRole;
}

export type WebhookEvent =
  | 'document.ready'
  | 'document.failed'
  | 'document.cancelled'
  | 'document.deleted';
export type DeliveryState = 'pending' | 'delivered' | 'failed';

export interface WebhookFault {
  code: string;
  sentence: string;
}

export interface Webhook {
  id: string;
  brain: string;
  url: string;
  description: string;
  events: WebhookEvent[];
  enabled: boolean;
  /** Why it was turned off by itself. */
  disabled: WebhookFault | null;
  failing_since: string | null;
  old_secret_until: string | null;
  created_at: string;
  /** Only in the answer to its creation. */
  secret?: string;
}

export interface Delivery {
  id: string;
  event: WebhookEvent | 'ping';
  content: { title?: string };
  state: DeliveryState;
  next_attempt_at: string | null;
  status_code: number | null;
  error: WebhookFault | null;
  created_at: string;
  attempts: { started_at: string; duration_ms: number }[];
}

export interface DocumentError {
  code: string;
  sentence: string;
}

/** How far one version of a document is. */
export interface DocumentVersionProgress {
  state: DocumentState;
  pages_total: number | null;
  pages_done: number;
  error: DocumentError | null;
}

export interface BrainDocument extends DocumentVersionProgress {
  id: string;
  brain: string;
  title: string;
  /** Empty where the file was uploaded. */
  source_url: string;
  /** Empty, and 0 bytes, until the file has been fetched. */
  media_type: string;
  size_bytes: number;
  /** Where the file is being read again; until that has ended well, all stays. */
  next: DocumentVersionProgress | null;
  created_at: string;
  created_by: unknown;
  finished_at: string | null;
}

/** What came of one item of a batch. */
export interface BatchItem {
  ref: string;
  url: string;
  /** The document's, or its own while it has none. */
  state: DocumentState | 'wanted' | 'refused' | 'deleted';
  document: (DocumentVersionProgress & { id: string }) | null;
  error: DocumentError | null;
}

export interface PageSummary {
  number: number;
  label: string;
  source: 'text-layer' | 'ocr';
  confidence: number | null;
  is_indexed: boolean;
}

/** `[start, end, x0, y0, x1, y1]`: code points of the text, and a rectangle from the upper left. */
export type PageBox = [number, number, number, number, number, number];

export interface PageContent extends PageSummary {
  text: string;
  boxes: PageBox[];
  width: number | null;
  height: number | null;
}

/** A passage that was given to the model; `start` and `end` are code points of `page_from`'s text. */
export interface Source {
  ordinal: number;
  document: string;
  version: string;
  title: string;
  page_from: number;
  page_to: number;
  start: number;
  end: number;
  quote: string;
}

export interface Conversation {
  id: string;
  title: string;
  /** The last message of the path that is shown. */
  leaf: string | null;
  brain: Named | null;
  model: (Named & { notes?: string }) | null;
  created_at: string;
  updated_at: string;
}

export interface TurnError {
  code: string;
  sentence: string;
  way_out?: string;
}

export interface MessageTurn {
  id: string;
  state: TurnState;
  epoch: number;
  seq: number;
  error: TurnError | null;
}

export interface Message {
  id: string;
  parent: string | null;
  /** Messages in the same place, this one among them: versions of a question, or answers to one. */
  siblings: string[];
  ordinal: number;
  role: 'user' | 'assistant';
  text: string;
  created_at: string;
  model_name: string;
  finish_reason: string;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  /** A decimal, in whatever currency the prices are; `null`: the model has no prices. */
  cost: string | null;
  ttft_ms: number | null;
  duration_ms: number | null;
  turn: MessageTurn | null;
  citations: Source[];
}
