/** What a repository is called. The name is stored and shown, so it may hold no token and no password. Pure. */

/** A folder of a machine. It has no user and no query: an at-sign, a question mark or a hash belongs to the path. */
const folder = /^(?:folder:\\\\|(?:folder:|file:(?:\/\/)?)?(?:\/(?![\\/])|[a-z]:[\\/](?![\\/])))(?!.*:\/\/)/is;

const [colon, at] = ["(?::|%(?:25)*3a)", "(?:@|%(?:25)*40)"];
/** Readers of URLs take backslashes, too many slashes and, after these schemes, too few (URL Standard, "URL parsing"). */
const lenientScheme = "(?:[a-z0-9.-]+\\+)?(?:https?|ftps?|wss?|ssh)";
const beforeHost = `(?:^|[a-z0-9+.-]*${colon})[\\\\/]{2,}|^${lenientScheme}${colon}[\\\\/]*`;
/** Up to the last at-sign before the path. Else a password with a slash in it: what follows the colon is no port then. */
const userinfo = "[^/?#]*|[^/?#@:[]*:(?!\\d*(?:[/?#]|$))[^@]*";

/** A query, a fragment, and what is read as a parameter although its mark is another or is percent-encoded. */
const afterPath = /(?:[?#;]|(?:[&!,|]|%(?:25)*(?:3f|26|3b|21|2c|7c))[\w.-]+(?:=|%(?:25)*3d)).*$/is;

/** `user:password@` in the middle of a path, where somebody joined two addresses. */
const userInPath = /(\/)[^/@:]+:[^/@]+@/g;
/** ASCII characters in full width (Unicode, "Halfwidth and Fullwidth Forms"), which people take for the others. */
const fullWidth = /[\uff01-\uff5e]/g;

const isUrl = new RegExp(beforeHost, "i");
const userOfUrl = new RegExp(`(${beforeHost})(${userinfo})${at}`, "gi");
const isSsh = /^(?:.*\+)?ssh(?:\+|:|%)/i;
const hasPassword = new RegExp(colon, "i");

/**
 * The same name without a user, query, fragment, control characters and white space around it. `ssh://git@host/path` and `git@host:path`
 * keep their user.
 */
export function repositoryName(text: string): string {
  const ascii = text.replaceAll(fullWidth, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));
  const visible = ascii.replaceAll(/\p{Cc}/gu, "").trim();
  const name = folder.test(visible) ? visible : withoutUser(visible).replace(afterPath, "");
  // What stood behind one user may look like another.
  return name === text ? name : repositoryName(name);
}

/** What is wrong with a name and what to do about it, in words that don't repeat it; undefined when nothing is. */
export function repositoryFault(text: string): string | undefined {
  if (/\p{Cc}/u.test(text) || text !== text.trim()) return "Leave out control characters, and white space at both ends";
  if (text.search(fullWidth) >= 0) return "Leave out full-width characters, which look like others: write the ASCII ones";
  if (folder.test(text)) return undefined;
  if (withoutUser(text) !== text)
    return "Leave out the user, password or token before the host: this name is stored and shown. Only ssh://user@host/path and user@host:path may have a user";
  if (afterPath.test(text))
    return "Leave out the query (from ?) and the fragment (from #): this name is stored and shown, and a token may stand there";
  return undefined;
}

function withoutUser(text: string): string {
  const cleaned = withoutUrlUser(text).replaceAll(userInPath, "$1");
  return isUrl.exec(text)?.index === 0 ? cleaned : withoutScpUser(cleaned);
}

function withoutUrlUser(text: string): string {
  return text.replaceAll(userOfUrl, (whole: string, start: string, user: string) => {
    const keepsUser = isSsh.test(start) && user !== "" && !hasPassword.test(user);
    return keepsUser ? whole : start;
  });
}

/** `user:password@host:path`, as scp and git have it, and a URL whose scheme is missing. */
function withoutScpUser(text: string): string {
  const [head = ""] = /^[^/?#]*/.exec(text) ?? [];
  const [beforeRest = "", user = ""] = new RegExp(`^(.*?)${at}`, "is").exec(head) ?? [];
  if (user === "") return text;
  const rest = text.slice(beforeRest.length);
  const isScp = head.slice(beforeRest.length).includes(":");
  if (!hasPassword.test(user) && (isScp || head === text)) return text;
  // A password may hold an at-sign, and so may the path behind the host's colon.
  const [host = ""] = /^[^:/?#]*/.exec(rest) ?? [];
  return rest.slice(host.lastIndexOf("@") + 1);
}
