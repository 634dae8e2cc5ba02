/** The AWS credentials file of one operation (AWS SDK reference, "Shared config and credentials files"). */
import type { Credentials } from "./engine.ts";

function profile(name: string, credentials: Credentials): string {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const values = [accessKeyId, secretAccessKey, sessionToken ?? ""];
  // A line break would start another setting, or another profile.
  if (values.some((value) => /[\r\n]/.test(value))) throw new TypeError("a credential holds a line break");
  return [
    `[${name}]`,
    `aws_access_key_id=${accessKeyId}`,
    `aws_secret_access_key=${secretAccessKey}`,
    ...(sessionToken ? [`aws_session_token=${sessionToken}`] : []),
    "",
  ].join("\n");
}

/** The file's text: profile `state` for the backend and its key, profile `target` for the tenant's account. */
export function credentialsText(state: Credentials, target: Credentials): string {
  return `${profile("state", state)}${profile("target", target)}`;
}
