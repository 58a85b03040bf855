import { StackError } from "../../errors.ts";
import { formatBytes } from "../../models/bytes.ts";
import type { DeviceMemory } from "../gpu/free-bytes.ts";
import { freeOfEach, mostShare, roomForShare } from "../gpu/memory-share.ts";

/** The share of every card that the user has an engine told. */
export interface ToldShare {
  readonly option: string;
  readonly named: number;
  readonly cards: readonly DeviceMemory[];
}

/** Whether the engine starts with it. */
export function roomForTold({ cards, named }: ToldShare): "ample" | "tight" | "none" {
  return roomForShare(cards, named);
}

/** What it is to be told in its place, for behind a `stack up`; empty where nothing can be. */
export function inPlaceOf({ option, cards }: ToldShare): string {
  const most = mostShare(cards);
  return most === undefined ? "" : ` -- ${option} ${most}`;
}

/** For a share that is more than is free. */
export function shareTooLarge(told: ToldShare): StackError {
  return new StackError("DOES_NOT_FIT", {
    what: `${whatIsTold(told)}.`,
    why: "The engine does not start where less is free than the share that it is told to take.",
    next: `stack up${inPlaceOf(told)}`,
  });
}

/** For one that leaves too little of what is free. */
export function shareTight(told: ToldShare): string {
  const most = mostShare(told.cards);
  return `${whatIsTold(told)}, and CUDA itself takes of these before the engine looks: to be sure that it starts, name at most ${most}.`;
}

function whatIsTold({ option, named, cards }: ToldShare): string {
  const bytes = Math.max(...cards.map(({ totalBytes = 0 }) => named * totalBytes));
  return `${option} ${named} is ${formatBytes(bytes)} of a card on which ${formatBytes(freeOfEach(cards))} are free`;
}
