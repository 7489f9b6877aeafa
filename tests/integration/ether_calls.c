/* The calls of examples/c/ether.h, one for each line of standard input, for test_c_client.py.
 *
 * Rule: it decides nothing; it says what each call returned.
 *
 *     ether_calls HOST PORT TIMEOUT_MS
 *     NAME NUMBER...      in the order of the call's own arguments
 *     RESULT ERROR_NAME MOVED MESSAGE
 */
#include "ether.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *bytes(uint64_t size)
{
	unsigned char *memory = calloc(size ? size : 1, 1);
	if (!memory)
		exit(1);
	return memory;
}

static int64_t call(ether *e, const char *name, const uint64_t n[5])
{
	struct ether_server server;
	struct ether_info info;
	struct ether_entry *entries;
	unsigned char *buffer;
	uint64_t was;
	int64_t result = -2;

	if (strcmp(name, "ping") == 0)
		return ether_ping(e);
	if (strcmp(name, "hello") == 0)
		return ether_hello(e, "test", &server);
	if (strcmp(name, "auth") == 0)
		return ether_auth(e, "token", 5);
	if (strcmp(name, "alloc") == 0)
		return (int64_t)ether_alloc(e, n[0], (uint16_t)n[1]);
	if (strcmp(name, "free") == 0)
		return ether_free(e, n[0]);
	if (strcmp(name, "realloc") == 0)
		return ether_realloc(e, n[0], n[1]);
	if (strcmp(name, "info") == 0)
		return ether_info(e, n[0], &info);
	if (strcmp(name, "fill") == 0)
		return ether_fill(e, n[0], n[1], (unsigned char)n[2], n[3]);
	if (strcmp(name, "copy") == 0)
		return ether_copy(e, n[0], n[1], n[2], n[3], n[4]);
	if (strcmp(name, "add") == 0)
		return ether_fetch_add(e, n[0], n[1], (int64_t)n[2], &was);
	if (strcmp(name, "list") == 0) {
		entries = (struct ether_entry *)bytes(n[1] * sizeof *entries);
		result = ether_list(e, n[0], entries, n[1], NULL);
		free(entries);
	} else if (strcmp(name, "write") == 0) {
		buffer = bytes(n[2]);
		memset(buffer, 'w', n[2]);
		result = ether_write(e, n[0], n[1], buffer, n[2]);
		free(buffer);
	} else if (strcmp(name, "read") == 0) {
		buffer = bytes(n[2]);
		result = ether_read(e, n[0], n[1], buffer, n[2]);
		free(buffer);
	}
	return result;
}

int main(int argc, char **argv)
{
	char line[256], name[16];
	ether *e = argc == 4 ? ether_connect(argv[1], argv[2], atoi(argv[3])) : NULL;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%d %s 0 %s\n", ether_error(e) ? -1 : 0, ether_error_name(ether_error(e)), ether_message(e));
	while (fgets(line, sizeof line, stdin)) {
		uint64_t n[5] = {0};
		int64_t result;
		sscanf(line, "%15s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, name, n, n + 1, n + 2, n + 3, n + 4);
		result = call(e, name, n);
		printf("%" PRId64 " %s %" PRIu64 " %s\n", result, ether_error_name(ether_error(e)), ether_moved(e), ether_message(e));
	}
	ether_close(e);
	return 0;
}
