import { fixture } from "../src/drivers/redis/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
