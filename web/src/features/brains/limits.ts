/** Lengths that the server accepts. */
export const NAME_CHARACTERS = 200;
export const DESCRIPTION_CHARACTERS = 2000;
export const INSTRUCTIONS_CHARACTERS = 4000;
