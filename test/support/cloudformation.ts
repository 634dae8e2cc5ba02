/** CloudFormation as an account's administrator, by its query protocol: no package for four calls. */
import { setTimeout as sleep } from "node:timers/promises";
import { sandboxRegion } from "../../sandbox/accounts.ts";

/** Makes a stack of a template and waits until it is complete; rejects with the events of one that fails. */
export async function deployTemplate(endpoint: string, account: string, stack: string, template: unknown): Promise<void> {
  await call(endpoint, account, {
    Action: "CreateStack",
    StackName: stack,
    TemplateBody: JSON.stringify(template),
    "Capabilities.member.1": "CAPABILITY_NAMED_IAM",
  });
  await settled(endpoint, account, stack, "CREATE_COMPLETE");
}

/** Deletes a stack and waits until it is gone; what its template retains stays. */
export async function deleteStack(endpoint: string, account: string, stack: string): Promise<void> {
  await call(endpoint, account, { Action: "DeleteStack", StackName: stack });
  await settled(endpoint, account, stack, "DELETE_COMPLETE");
}

async function settled(endpoint: string, account: string, stack: string, wanted: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const text = await call(endpoint, account, { Action: "DescribeStacks", StackName: stack }).catch((error: Error) => {
      // A deleted stack is known by its id alone.
      if (wanted === "DELETE_COMPLETE" && /does not exist/.test(error.message)) return "<StackStatus>DELETE_COMPLETE<";
      throw error;
    });
    const status = /<StackStatus>(\w+)</.exec(text)?.[1] ?? "";
    if (status === wanted) return;
    if (/FAILED|ROLLBACK/.test(status)) {
      throw new Error(`${stack}: ${status}\n${await call(endpoint, account, { Action: "DescribeStackEvents", StackName: stack })}`);
    }
    await sleep(50);
  }
  throw new Error(`${stack} isn't ${wanted} after 5 s`);
}

/** The emulator takes a 12-digit access key for that account's root and looks at no signature. */
async function call(endpoint: string, account: string, query: Record<string, string>): Promise<string> {
  const scope = `${account}/20261122/${sandboxRegion}/cloudformation/aws4_request`;
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      "x-amz-date": "20261122T000000Z",
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=${"0".repeat(64)}`,
    },
    body: new URLSearchParams({ Version: "2010-05-15", ...query }).toString(),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}
