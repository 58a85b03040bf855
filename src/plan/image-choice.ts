import { StackError } from "../errors.ts";

/** What `stack.lock` says of one image: by the reference as it is written in settings. */
export interface LockedImage {
  /** Image id (config digest) at first use. */
  readonly id: string;
  /** `name@sha256:…` where it came from a registry. */
  readonly digest?: string | undefined;
}

export interface ImageQuestion {
  /** Named by the user; nothing else will do then. */
  readonly wanted: string | undefined;
  /** The engine's own image, by exact version tag. */
  readonly standard: string;
  /** What `stack image build` makes, where it can; taken when the standard one is not here and this is. */
  readonly built: string | undefined;
  /** Name for `stack image build`. */
  readonly recipe: string | undefined;
  readonly policy: "missing" | "always" | "never";
  /** Image ids of those references that the daemon has. */
  readonly present: Readonly<Record<string, string | undefined>>;
  readonly locked: Readonly<Record<string, LockedImage | undefined>>;
}

export interface ImageChoice {
  /** For people and for the lock. */
  readonly reference: string;
  /** What is given to the daemon: by digest where the lock knows one. */
  readonly exact: string;
  readonly pull: boolean;
  /** Id it has now; undefined when it is not here. */
  readonly id: string | undefined;
  /** Id it must have, where one was locked and a new one is not asked for. */
  readonly lockedId: string | undefined;
}

/**
 * Which image to run, and whether to pull it first. A tag that moved since it was locked is
 * `DIGEST_MISMATCH`; one that is not here and must not be pulled is `IMAGE_UNAVAILABLE`.
 */
export function chooseImage(question: ImageQuestion): ImageChoice {
  const { wanted, standard, built, policy, present, locked } = question;
  const candidates =
    wanted === undefined ? [standard, built].filter((each) => each !== undefined) : [wanted];
  const there = candidates.find((reference) => present[reference] !== undefined);
  const reference = (policy === "always" ? candidates[0] : there) ?? candidates[0] ?? standard;
  const lock = locked[reference];
  const exact = policy === "always" ? reference : (lock?.digest ?? reference);
  const id = present[exact] ?? present[reference];

  if (policy === "always") return { reference, exact, pull: true, id, lockedId: undefined };
  if (id === undefined) {
    if (policy === "never") throw notHere(question, reference);
    return { reference, exact, pull: true, id: undefined, lockedId: lock?.id };
  }
  const here = present[exact] === undefined ? reference : exact;
  return heedLock({ reference, exact: here, pull: false, id, lockedId: lock?.id });
}

/** `DIGEST_MISMATCH` when what the daemon has is not what was locked. */
export function heedLock(choice: ImageChoice): ImageChoice {
  const { reference, id, lockedId } = choice;
  if (id === undefined || lockedId === undefined || id === lockedId) return choice;
  throw new StackError("DIGEST_MISMATCH", {
    what: `The image ${reference} is not the one that was locked.`,
    why: `stack.lock says ${lockedId}, the daemon has ${id}. Pulling takes what the registry has, and locks it anew.`,
    next: "stack up --pull always",
  });
}

function notHere({ recipe, wanted }: ImageQuestion, reference: string): StackError {
  return new StackError("IMAGE_UNAVAILABLE", {
    what: `The image ${reference} is not here, and --pull never forbids to fetch it.`,
    next:
      wanted === undefined && recipe !== undefined
        ? `stack image build ${recipe}`
        : `docker pull ${reference}`,
  });
}
