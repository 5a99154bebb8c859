// Who is looking: a token lives in the memory of this tab and nowhere else.

let token = "";

export function signIn(value: string): void {
  token = value.trim();
}

export function signedIn(): boolean {
  return token !== "";
}

export function authorization(): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** Fetch something of this engine in the name of whoever looks. */
export function request(address: string, init: RequestInit = {}): Promise<Response> {
  return fetch(address, {
    ...init,
    headers: { ...init.headers, ...authorization() },
    credentials: "same-origin",
  });
}
