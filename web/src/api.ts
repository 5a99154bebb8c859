// The engine's API over gRPC-web, on the origin the page came from.

import { createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

import { Engine } from "./_generated/rocketship/v1/engine_pb.js";
import { authorization } from "./session.js";

const withToken: Interceptor = (next) => (call) => {
  for (const [name, value] of Object.entries(authorization())) call.header.set(name, value);
  return next(call);
};

export const engine = createClient(
  Engine,
  createGrpcWebTransport({ baseUrl: location.origin, interceptors: [withToken] }),
);
