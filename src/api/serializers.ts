import {
  type SerializerCompiler,
  type SerializerFactory,
  SerializerSelector,
} from '@fastify/fast-json-stringify-compiler';

/**
 * Fastify's serializers, each built once, however many answers have the same schema. Fastify builds one for each answer
 * of each route, and checks every shared schema anew for each: 267 of them, of 14 kinds, were half of the time that the
 * service took to start.
 */
export function sharedSerializers(): SerializerFactory {
  const select = SerializerSelector();
  /** By the shared schemas that a scope of routes has. */
  const compilers = new Map<string, SerializerCompiler>();
  return (schemas, options) => {
    const key = JSON.stringify(schemas);
    // A compiler forgets a shared schema once an answer is that very schema: each serializer has one of its own.
    const compiler = compilers.get(key) ?? eachOnce((route) => select(schemas, options)(route));
    compilers.set(key, compiler);
    return compiler;
  };
}

function eachOnce(compile: SerializerCompiler): SerializerCompiler {
  const built = new Map<string, ReturnType<SerializerCompiler>>();
  return (route) => {
    const key = JSON.stringify(route.schema);
    const serializer = built.get(key) ?? compile(route);
    built.set(key, serializer);
    return serializer;
  };
}
