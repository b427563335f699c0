import { Avatar } from '@mantine/core';

/** Initials on these can be read; on orange and lime they can't. */
const COLORS = ['blue', 'grape', 'indigo', 'violet', 'teal', 'pink'];

export function PersonAvatar({ name, size }: { name: string; size: number }) {
  return <Avatar name={name} color="initials" allowedInitialsColors={COLORS} size={size} alt="" />;
}
