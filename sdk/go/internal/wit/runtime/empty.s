// Go lets a package declare functions without bodies only where it has an assembly file.
