/** Checks whether a caller may still read an open stream: when a key is removed, its streams end. */
import type { Request } from "express";
import { type Caller, holdsScope, tenantsText } from "../../model/caller.ts";
import { ProblemError } from "../../problem.ts";
import type { Api } from "./api.ts";
import { authenticate } from "./auth.ts";

/** Milliseconds between two checks. */
const lookEvery = 2_000;

/**
 * Calls `lost` when the request's token no longer identifies the same caller with the same tenants and the scope `read`. If a check fails
 * with an error, the last result stays valid. Returns the function that stops the checks.
 */
export function watchCaller(api: Pick<Api, "findCaller">, request: Request, caller: Caller, lost: () => void): () => void {
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      if (!isSame(await authenticate(request, api.findCaller), caller)) lost();
    } catch (error) {
      if (error instanceof ProblemError) lost();
    } finally {
      isLooking = false;
    }
  };
  const timer = setInterval(() => void look(), lookEvery);
  return () => clearInterval(timer);
}

const isSame = (now: Caller, before: Caller): boolean =>
  now.subject === before.subject && holdsScope(now, "read") && tenantsText(now.tenants) === tenantsText(before.tenants);
