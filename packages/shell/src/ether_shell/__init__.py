"""ether-shell: remote memory by hand and in scripts."""
