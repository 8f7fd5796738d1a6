/** Pages for browsers and for whoever reads status codes only. */
const PAGES = {
  308: ['Permanent Redirect', 'This address lives elsewhere:'],
  400: ['Bad Request', 'The request cannot be understood as it was sent.'],
  404: ['Not Found', 'There is nothing at this address. Look for a typing error in it.'],
  405: ['Method Not Allowed', 'This address exists, but it does not take this method.'],
  500: ['Internal Server Error', 'Something went wrong on the server; its log tells what.'],
  503: ['Service Unavailable', 'The service cannot answer at present. Try again in a few seconds.'],
} as const satisfies Record<number, readonly [string, string]>;

export type PageStatus = keyof typeof PAGES;

export const HTML = 'text/html; charset=utf-8';

/** What a browser may do with text that came from outside and is sent as HTML, as clients of this API expect it: show it. */
export const SHOW_ONLY = "default-src 'none'; sandbox";

/** @param link an address that the page names */
export function htmlPage(status: PageStatus, link?: string): string {
  const [title, text] = PAGES[status];
  const shown = link === undefined ? '' : ` <a href="${escapeHtml(link)}">${escapeHtml(link)}</a>`;
  return `<!doctype html>\n<html lang="en">\n<title>${status} ${title}</title>\n<h1>${title}</h1>\n<p>${text}${shown}</p>\n</html>\n`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
