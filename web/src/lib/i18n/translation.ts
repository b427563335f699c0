import type en from './en';

type Widen<T> = { [K in keyof T]: T[K] extends string ? string : Widen<T[K]> };

/** The shape that every language fills. English is written first. */
export type Translation = Widen<typeof en>;
