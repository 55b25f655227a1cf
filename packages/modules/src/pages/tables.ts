import { table } from "@bk/db";

/** Most characters of a page. */
export const longestContent = 100_000;

/** What a version of a page says. */
const text = {
  title: { pub: true, maxLength: 200 },
  subtitle: { pub: true, maxLength: 500 },
  /** A class of a style sheet. */
  icon: { pub: true, maxLength: 64 },
  /** Where the page is, in place of a content of its own. */
  link: { pub: true, maxLength: 1000 },
  /** Markdown. */
  content: { pub: true, maxLength: longestContent },
  /** Whether it is shown with a table of contents. */
  toc: { type: "bool", pub: true },
  /** Whether everybody may read it, with an account or without. */
  pub: { type: "bool", pub: true },
} as const;

/** The tables of pages: each as it is now, and its versions. */
export const pageTables = {
  bk_pages: table(
    {
      id: { primary: 1, pub: true, maxLength: 64 },
      ...text,
      title: { ...text.title, search: true },
      subtitle: { ...text.subtitle, search: true },
      content: { ...text.content, search: true },
      /** Whose it is. */
      userid: { pub: true, index1: 1 },
      /** The number of the version that this is. */
      version: { type: "int", pub: true },
      mtime: { type: "bigint", pub: true, index: 2 },
      /** The same in all pages: they are listed by it. */
      book: { secure: true, value: "pages", index: 1 },
    },
    { noscan: true },
  ),
  bk_page_version: table(
    {
      id: { primary: 1, maxLength: 64 },
      version: { type: "int", primary: 2 },
      ...text,
      /** Who wrote it. */
      author: { index: 1 },
      mtime: { type: "bigint" },
      /** With this version the page was deleted. */
      deleted: { type: "bool" },
      /** There: the versions before it have not been removed yet. */
      purge: { type: "int", index1: 1 },
    },
    { noscan: true },
  ),
};
