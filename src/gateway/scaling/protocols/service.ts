import { fromJSON, type ServiceDefinition } from "@grpc/proto-loader";

interface Field {
  type: string;
  /** The field's number. */
  id: number;
  rule?: "repeated";
  /** Type of the keys of a map, whose values `type` is about. */
  keyType?: string;
}

interface MessageType {
  fields: Record<string, Field>;
  nested?: Record<string, EnumType>;
}

interface EnumType {
  values: Record<string, number>;
}

interface Service {
  methods: Record<string, { requestType: string; responseType: string; responseStream?: boolean }>;
}

type Namespace = Parameters<typeof fromJSON>[0]["nested"];

/** Messages and services of one protobuf package, as protobufjs has them in JSON. */
export type PackageTypes = Record<string, MessageType | Service>;

/**
 * Makes a service that gRPC can serve and call. The descriptors are part of the code, since a gateway is one bundled file
 * with no `.proto` beside it.
 *
 * @param packageName - Dotted, as in `package grpc.health.v1;`.
 */
export function defineService<Methods>(packageName: string, service: string, types: PackageTypes): Methods {
  // its types want a comment on every method, which it does not read
  const nested = packageName
    .split(".")
    .reduceRight((inner, name) => ({ [name]: { nested: inner } }), types as NonNullable<Namespace>);
  const definitions = fromJSON({ nested }, { longs: Number, enums: String, defaults: true });
  return definitions[`${packageName}.${service}`] as ServiceDefinition as Methods;
}
