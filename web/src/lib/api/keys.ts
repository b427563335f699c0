/** Names under which the answers of the API are kept. */
export const keys = {
  site: ['site'] as const,
  me: ['me'] as const,
  apiKeys: ['api-keys'] as const,
  groups: ['groups'] as const,
  models: ['models'] as const,
  brains: ['brains'] as const,
  brainList: ['brains', 'list'] as const,
  brain: (id: string) => ['brains', 'one', id] as const,
  brainMembers: (id: string) => ['brains', 'one', id, 'members'] as const,
  brainWebhooks: (id: string) => ['brains', 'one', id, 'webhooks'] as const,
  deliveries: (webhook: string) => ['webhooks', webhook, 'deliveries'] as const,
  documentsOf: (brain: string) => ['documents', 'of', brain] as const,
  documentList: (brain: string, state: string, search: string) =>
    ['documents', 'of', brain, state, search] as const,
  document: (id: string) => ['documents', 'one', id] as const,
  documentPages: (id: string) => ['documents', 'one', id, 'pages'] as const,
  documentPage: (id: string, page: number) => ['documents', 'one', id, 'pages', page] as const,
  conversations: ['conversations'] as const,
  conversationList: (search: string) => ['conversations', 'list', search] as const,
  conversation: (id: string) => ['conversations', 'one', id] as const,
  messages: (id: string) => ['conversations', 'one', id, 'messages'] as const,
};
