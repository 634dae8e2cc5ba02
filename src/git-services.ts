/** What the HTTP layer may ask for about repositories: who may push, and who sees what. */
import { type Caller, holdsScope } from "./http/caller.ts";
import type { Services } from "./http/services.ts";
import { type Asker, acceptPush } from "./integrations/accept-reconcile.ts";
import type { Shell } from "./integrations/shell.ts";
import { operationView } from "./views.ts";

type GitServices = Pick<Services, "reconcile">;

const askerOf = (caller: Caller): Asker => ({
  subject: caller.subject,
  tenants: caller.tenants,
  mayDestroy: holdsScope(caller, "destroy"),
});

/** The part of the services that is about Git. */
export function gitServices(shell: Shell): GitServices {
  return {
    reconcile: async (caller, body) => ({ operation: operationView(await acceptPush(shell, body, askerOf(caller))) }),
  };
}
