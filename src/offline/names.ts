/** Names of what a stack consists of on the daemon. All begin with `stack-<name>`, so that `docker ps` shows what belongs together. */
export function dockerNames(stack: string): {
  readonly engine: string;
  readonly gateway: string;
  readonly sealed: string;
  readonly outer: string;
  /** Volume that holds the gateway's configuration. */
  readonly gatewayVolume: string;
} {
  return {
    engine: `stack-${stack}-engine`,
    gateway: `stack-${stack}-gateway`,
    sealed: `stack-${stack}-sealed`,
    outer: `stack-${stack}-outer`,
    gatewayVolume: `stack-${stack}-gateway`,
  };
}

/** Name of the engine on the sealed network: the gateway finds it by this. */
export const ENGINE_ALIAS = "engine";
