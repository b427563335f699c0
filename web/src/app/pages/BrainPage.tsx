import { useParams } from 'react-router';

import { BrainFrame } from '@/features/brains/BrainFrame';
import { DocumentPanel } from '@/features/documents/DocumentPanel';

export function BrainPage() {
  const { brainId = '', tab } = useParams();
  return (
    <BrainFrame
      key={brainId}
      brainId={brainId}
      tab={tab}
      documents={(brain) => <DocumentPanel brain={brain} />}
    />
  );
}
