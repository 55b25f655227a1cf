// The package's front door.

export {};
