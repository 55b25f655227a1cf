import { fixture } from "../src/drivers/memory/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
