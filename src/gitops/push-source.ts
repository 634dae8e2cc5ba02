/** Sources that nobody registered: repositories that CI jobs push from. Pure. */
import { hash } from "node:crypto";
import { tenantsText, type VisibleTenants } from "../model/caller.ts";
import type { SourceRecord } from "../model/source.ts";

/** The name of a pushed source: its repository's, made safe and unmistakable; with `by`, of the source that is theirs alone. */
export function pushSourceName(repository: string, by?: { subject: string; tenants: VisibleTenants }): string {
  const slug = (
    repository
      .replace(/\.git$/, "")
      .split(/[/:]/)
      .at(-1) ?? ""
  )
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 27);
  const owners = by === undefined ? [] : [tenantsText(by.tenants), by.subject];
  const own = hash("sha256", [repository, ...owners].join("\n")).slice(0, 10);
  return slug === "" ? `source-${own}` : `${slug}-${own}`.replaceAll("--", "-");
}

/** A source that nobody registered: the first push from its repository makes it. */
export function pushSource(
  repository: string,
  { name, by, now }: { name: string; by: { subject: string; tenants: VisibleTenants; mayDestroy: boolean }; now: string },
): SourceRecord {
  return { name, kind: "push", repository, tenants: by.tenants, scopes: pushScopes(by), requestedBy: by.subject, createdAt: now };
}

/** What a pushed source notes of the rights of those who push from it. */
export const pushScopes = ({ mayDestroy }: { mayDestroy: boolean }): string[] => (mayDestroy ? ["destroy"] : []);
