import { ApiError, ApiResult } from "./api.ts";

/** A page asked for by `page` and `per_page`. */
export interface Page {
  /** From 1. */
  number: number;
  size: number;
  /** Rows before it. */
  offset: number;
}

/** Reads `page` and `per_page`; absent and empty values mean the first page of the default size. */
export function readPage(
  query: URLSearchParams,
  sizes: { default: number; max: number } = { default: 20, max: 1000 },
): Page {
  const number = wholeNumber(query, "page", 1, Number.MAX_SAFE_INTEGER / sizes.max);
  const size = wholeNumber(query, "per_page", sizes.default, sizes.max);
  return { number, size, offset: (number - 1) * size };
}

/** One page of a list with the `result_info` by which clients decide whether to ask for the next. */
export function pageResult(page: Page, rows: unknown[], totalCount: number): ApiResult {
  return new ApiResult(rows, {
    resultInfo: {
      page: page.number,
      per_page: page.size,
      count: rows.length,
      total_count: totalCount,
      total_pages: Math.ceil(totalCount / page.size),
    },
  });
}

function wholeNumber(query: URLSearchParams, name: string, fallback: number, max: number): number {
  const text = query.get(name);
  if (!text) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max) {
    const message = `Query parameter "${name}" is "${text.slice(0, 40)}". Give a whole number from 1 to ${Math.floor(max)}.`;
    throw new ApiError(400, { code: 10026, message });
  }
  return value;
}
