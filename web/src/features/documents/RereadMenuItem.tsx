import { Menu } from '@mantine/core';
import { modals } from '@mantine/modals';
import { IconRefresh } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { siteQuery } from '@/lib/api/queries';
import type { BrainDocument } from '@/lib/api/types';

import { useRereadDocument } from './api';
import { RereadForm } from './RereadForm';

/** Reads a document again: at once, or, where there are several OCR engines, by the one chosen. */
export function RereadMenuItem({ document }: { document: BrainDocument }) {
  const { t } = useTranslation();
  const engines = useQuery(siteQuery).data?.ocr_engines ?? [];
  const reread = useRereadDocument(document.brain);
  const { id, title } = document;
  const ask = () => {
    const modal = modals.open({
      title: t('documents.rereadTitle', { title }),
      children: (
        <RereadForm
          engines={engines}
          onChoose={(engine) => {
            modals.close(modal);
            reread.mutate({ id, engine });
          }}
        />
      ),
    });
  };
  return (
    <Menu.Item
      leftSection={<IconRefresh size={16} />}
      onClick={engines.length > 1 ? ask : () => reread.mutate({ id, engine: '' })}
    >
      {t('documents.rereadAction')}
    </Menu.Item>
  );
}
