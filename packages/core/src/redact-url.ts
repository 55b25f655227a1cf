const hidden = "***";
const secretName = /pass|pwd|secret|token|key|sign|credential|auth|session/i;

/**
 * Gives `url` fit for a log: the password and the values of query parameters with secret-looking names
 * (password, secret, token, key, …) become `***`. Works on anything that looks like a URL, also on malformed ones.
 */
export function redactUrl(url: string): string {
  const queryAt = url.indexOf("?");
  const base = queryAt < 0 ? url : url.slice(0, queryAt);
  const query = queryAt < 0 ? "" : url.slice(queryAt);
  return redactPassword(base) + query.replace(/([?&#;])([^=&#;]*)=([^&#;]*)/g, redactOption);
}

// The last "@" ends the password: one that was not escaped may hold "@", "/" or "#" itself.
function redactPassword(base: string): string {
  return base.replace(/^([^:/?]+:\/\/)([^:@]*):([^]*)@/, (_all, scheme: string, user: string) => `${scheme}${user}:${hidden}@`);
}

function redactOption(all: string, mark: string, name: string): string {
  return secretName.test(decodeLeniently(name)) ? `${mark}${name}=${hidden}` : all;
}

function decodeLeniently(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Malformed names are judged as they stand.
    return text;
  }
}
