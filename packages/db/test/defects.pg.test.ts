import { fixture } from "../src/drivers/postgres/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
