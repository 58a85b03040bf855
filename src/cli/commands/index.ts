import type { Command } from "../command.ts";

/** What `--help` needs of a command; the rest is loaded when the command is asked for. */
export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

/** The only list of commands. A name of two words is a command of the group that its first word names. */
export const COMMANDS = {
  up: {
    summary: "Start a stack and wait until it can answer.",
    load: () => import("./up.ts"),
  },
  down: {
    summary: "Stop a stack and remove what was made for it; models stay.",
    load: () => import("./down.ts"),
  },
  restart: {
    summary: "Stop a stack and start it again.",
    load: () => import("./restart.ts"),
  },
  ps: {
    summary: "List the stacks that run here.",
    load: () => import("./ps.ts"),
  },
  status: {
    summary: "Show one stack: engine, model, endpoint, health, and how sealed it is.",
    load: () => import("./status.ts"),
  },
  logs: {
    summary: "Print what the engine wrote.",
    load: () => import("./logs.ts"),
  },
  env: {
    summary: "Print environment variables for an agent, to be evaluated by a shell.",
    load: () => import("./env.ts"),
  },
  config: {
    summary: "Print an agent's configuration, write it (--write), or take it back (--undo).",
    load: () => import("./config.ts"),
  },
  "config show": {
    summary: "Print the settings, and with --origin where each comes from.",
    load: () => import("./config-show.ts"),
  },
  agents: {
    summary: "List the agents whose configuration can be made.",
    load: () => import("./agents.ts"),
  },
  "models pull": {
    summary: "Fetch a model into the store.",
    load: () => import("./models-pull.ts"),
  },
  "models ls": {
    summary: "List the models in the store, or with --catalog those that have a short name.",
    load: () => import("./models-ls.ts"),
  },
  "models recommend": {
    summary: "List the models of the catalog that fit this machine, for agents first.",
    load: () => import("./models-recommend.ts"),
  },
  "models rm": {
    summary: "Remove a model from the store.",
    load: () => import("./models-rm.ts"),
  },
  "models verify": {
    summary: "Read every byte of the store again and compare digests.",
    load: () => import("./models-verify.ts"),
  },
  "models df": {
    summary: "Show the space that models take.",
    load: () => import("./models-df.ts"),
  },
  "image build": {
    summary: "Build an image from package registries, where no container registry is reachable.",
    load: () => import("./image-build.ts"),
  },
  "image ls": {
    summary: "List the images that can be built, and whether they are here.",
    load: () => import("./image-ls.ts"),
  },
  doctor: {
    summary: "Check this machine, and say one fix for each problem.",
    load: () => import("./doctor.ts"),
  },
  version: {
    summary: "Print the version.",
    load: () => import("./version.ts"),
  },
  completion: {
    summary: "Print the completion script of a shell.",
    load: () => import("./completion.ts"),
  },
} as const satisfies Record<string, CommandEntry>;

/** First words that are no command by themselves. */
export const GROUPS: Readonly<Record<string, string>> = {
  models: "Fetch, list, check and remove models.",
  image: "Build and list images of engines and the gateway.",
};

export type CommandName = keyof typeof COMMANDS;

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}
