import { useParams } from 'react-router';

import { ConversationPage } from '@/features/chat/ConversationPage';
import { NewConversationPage } from '@/features/chat/NewConversationPage';

export function ChatPage() {
  const { conversationId } = useParams();
  if (conversationId === undefined) return <NewConversationPage />;
  return <ConversationPage key={conversationId} conversationId={conversationId} />;
}
