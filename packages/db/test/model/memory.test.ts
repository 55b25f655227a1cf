import { fixture } from "../../src/drivers/memory/fixture.js";
import { testModel } from "./test-model.js";

// The model against itself: that the check itself is repeatable.
testModel(fixture);
