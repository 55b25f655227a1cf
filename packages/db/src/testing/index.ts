export { testDriver } from "./test-driver.js";
export type { DriverUnderTest, KnownDefect, TestStore } from "./suite.js";
export { leastCapabilities } from "./least-capabilities.js";
export { describeKvStore, type OpenedStore } from "./kv-store-suite.js";
export { describeRowStore, type OpenedRowStore } from "./row-store-suite.js";
export { describeContract, type OpenedDriver } from "./contract-suite.js";
