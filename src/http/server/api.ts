/** The parts that routes use: the verbs' context and the parts of this process. src/app/compose.ts makes it. */
import type { Registry } from "prom-client";
import type { Audit } from "../../access/audit/audit.ts";
import type { Limits } from "../../access/limits/limits.ts";
import type { Context } from "../../integrations/context.ts";
import type { Caller } from "../../model/caller.ts";
import type { CancelRegistry, Killing } from "../../operations/cancel.ts";
import type { Freeze } from "../../operations/freeze.ts";
import type { IntegrationReader } from "../../store/integration-reader.ts";

export interface Api {
  context: Context;
  metrics: Registry;
  /** The version of this build of Drawbridge. */
  version: string;
  /** The principal that provisioning roles must trust. */
  servicePrincipal: string;
  /** The caller that a bearer token identifies; undefined if the token isn't valid. */
  findCaller(token: string): Promise<Caller | undefined>;
  audit: Audit;
  freeze: Freeze;
  limits: Limits;
  /** The operations that run in this process. */
  cancels: CancelRegistry;
  killing: Killing;
  readIntegration: IntegrationReader;
  readiness(): Promise<Readiness>;
}

export interface ReadinessCheck {
  /** `cli`, `plugin`, `store`, `state-bucket`, … */
  name: string;
  ok: boolean;
  /** A sentence without tenant data: anybody may read it. */
  detail: string;
  /** Only on the check `plugin`: which plugin the updates use. */
  plugin?: "official" | "stand-in";
  version?: string;
}

export interface Readiness {
  ready: boolean;
  checks: ReadinessCheck[];
}
