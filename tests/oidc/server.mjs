// An OpenID provider on loopback for tests: device flow, JWT access tokens, rotation, revocation.
//
// Settings come as one JSON argument. POST /control/rotate-keys and /control/down change it while it
// runs; the first line on stdout is the port.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';

import Provider from 'oidc-provider';

const settings = {
  port: 0,
  audience: 'https://rocketship.example/engine',
  accessTokenSeconds: 3600,
  refreshTokenSeconds: 86400,
  deviceCodeSeconds: 600,
  pollSeconds: 1,
  // More clients, which log in by a browser.
  clients: [],
  ...JSON.parse(process.argv[2] ?? '{}'),
};

// The library warns of everything that a production server would do otherwise.
console.warn = console.info = () => {};

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = randomBytes(6).toString('hex');
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
}

class MemoryAdapter {
  // Outlives the provider, which is made anew when keys are rotated.
  static kept = new Map();

  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    const until = expiresIn ? Date.now() + expiresIn * 1000 : Infinity;
    MemoryAdapter.kept.set(this.key(id), { payload, until });
  }

  async find(id) {
    const found = MemoryAdapter.kept.get(this.key(id));
    return found && found.until > Date.now() ? found.payload : undefined;
  }

  async findBy(name, value) {
    for (const [key, { payload, until }] of MemoryAdapter.kept) {
      const ours = key.startsWith(`${this.model}:`) && until > Date.now();
      if (ours && payload[name] === value) return payload;
    }
    return undefined;
  }

  findByUserCode(code) {
    return this.findBy('userCode', code);
  }

  findByUid(uid) {
    return this.findBy('uid', uid);
  }

  async consume(id) {
    const found = MemoryAdapter.kept.get(this.key(id));
    if (found) found.payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    MemoryAdapter.kept.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const [key, { payload }] of MemoryAdapter.kept) {
      if (payload.grantId === grantId) MemoryAdapter.kept.delete(key);
    }
  }
}

const cookieKey = randomBytes(16).toString('hex');

function newProvider(issuer, key) {
  const provider = new Provider(issuer, {
    adapter: MemoryAdapter,
    jwks: { keys: [key] },
    cookies: { keys: [cookieKey] },
    clients: [
      {
        client_id: 'rocketship-cli',
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
        response_types: [],
        redirect_uris: [],
      },
      ...settings.clients,
    ],
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    claims: { openid: ['sub'], email: ['email'], profile: ['name'] },
    conformIdTokenClaims: false,
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, email: `${sub}@example.com`, name: sub }),
    }),
    features: {
      deviceFlow: { enabled: true },
      devInteractions: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => settings.audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'openid offline_access profile email',
          audience: settings.audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: settings.accessTokenSeconds,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    rotateRefreshToken: true,
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    ttl: {
      AccessToken: settings.accessTokenSeconds,
      DeviceCode: settings.deviceCodeSeconds,
      RefreshToken: settings.refreshTokenSeconds,
      Grant: 86400,
      IdToken: 3600,
      Interaction: 600,
      Session: 86400,
    },
  });
  // The library leaves the interval out, and tests cannot wait for the five seconds this means.
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'device_authorization' && ctx.status === 200) {
      ctx.body = { ...ctx.body, interval: settings.pollSeconds };
    }
  });
  return provider;
}

let handle;
let down = false;
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (request.method === 'POST' && pathname.startsWith('/control/')) {
    control(pathname.slice('/control/'.length), response);
  } else if (down) {
    response.writeHead(503, { 'content-type': 'text/html' }).end('<h1>down</h1>');
  } else {
    handle(request, response);
  }
});

function control(what, response) {
  if (what === 'rotate-keys') handle = newProvider(issuer(), newKey()).callback();
  else if (what === 'down') down = true;
  else if (what === 'up') down = false;
  else return response.writeHead(404).end();
  return response.writeHead(204).end();
}

function issuer() {
  return `http://127.0.0.1:${server.address().port}`;
}

server.listen(settings.port, '127.0.0.1', () => {
  handle = newProvider(issuer(), newKey()).callback();
  console.log(server.address().port);
});
