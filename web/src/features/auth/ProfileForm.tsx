import { Badge, Button, Card, Group, Input, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useTranslation } from 'react-i18next';

import { noticeDone } from '@/components/notices';
import { problemOf } from '@/lib/problem';
import { fieldErrors } from '@/lib/problem-text';

import { LanguageControl } from './LanguageControl';
import { useChangeProfile, useUser } from './session';
import { ThemeControl } from './ThemeControl';

export function ProfileForm() {
  const { t } = useTranslation();
  const user = useUser();
  const change = useChangeProfile();
  const form = useForm({ initialValues: { name: user?.name ?? '' } });

  const submit = form.onSubmit((values) =>
    change.mutate(values, {
      onSuccess: () => {
        form.resetDirty();
        noticeDone(t('common.saved'));
      },
      onError: (error) => form.setErrors(fieldErrors(problemOf(error))),
    }),
  );

  if (user === null) return null;
  return (
    <Card withBorder padding="lg">
      <Title order={2} size="h4">
        {t('settings.profile')}
      </Title>
      <Text size="sm" c="dimmed" mb="md">
        {t('settings.profileText')}
      </Text>
      <Stack>
        <form onSubmit={submit}>
          <Group align="flex-end" wrap="nowrap">
            <TextInput
              flex={1}
              label={t('auth.yourName')}
              name="name"
              autoComplete="name"
              maxLength={150}
              {...form.getInputProps('name')}
            />
            <Button type="submit" loading={change.isPending} disabled={!form.isDirty()}>
              {t('common.save')}
            </Button>
          </Group>
        </form>
        <TextInput
          label={t('auth.email')}
          description={t('settings.emailFixed')}
          value={user.email}
          readOnly
          variant="filled"
        />
        {user.groups.length > 0 && (
          <Input.Wrapper label={t('settings.groups')} labelElement="div">
            <Group gap="xs" mt={4}>
              {user.groups.map((group) => (
                <Badge key={group.id} variant="light">
                  {group.name}
                </Badge>
              ))}
            </Group>
          </Input.Wrapper>
        )}
        <Input.Wrapper
          label={t('nav.language')}
          description={t('settings.languageHint')}
          labelElement="div"
        >
          <Group mt={6}>
            <LanguageControl />
          </Group>
        </Input.Wrapper>
        <Input.Wrapper
          label={t('nav.theme')}
          description={t('settings.themeHint')}
          labelElement="div"
        >
          <Group mt={6}>
            <ThemeControl />
          </Group>
        </Input.Wrapper>
      </Stack>
    </Card>
  );
}
