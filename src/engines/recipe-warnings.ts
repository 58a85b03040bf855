import { belowFloor, imageTag, vulnerableWarning } from "../plan/security-floor.ts";
import { containerEngines } from "./index.ts";

/** What to know before a recipe takes its minutes: that `stack up` will want to be told twice about what it makes. */
export function recipeWarnings(recipe: string): readonly string[] {
  const engine = containerEngines().find(({ image }) => image.recipe === recipe);
  const below = engine && belowFloor(engine.securityFloor, imageTag(engine.image.built ?? ""));
  if (engine === undefined || below === undefined) return [];
  return [
    `${vulnerableWarning(engine.title, below)} \`stack up\` needs --allow-vulnerable for it.`,
  ];
}
