import { fixture } from "../src/drivers/redis/fixture.js";
import { testDefects } from "./defects.js";

testDefects(fixture);
