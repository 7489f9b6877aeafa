/* A server that does the least that version 1 READ and WRITE need: no server can be faster.
 *
 * Rule: no table, no limits, no statistics, one block; every cost that is left
 * is the kernel's or the copying of bytes.
 *
 *   limit BLOCK_BYTES      prints its port on a line of its own
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_BYTES 24
#define IN_BYTES (256 * 1024)
#define OUT_BYTES (1 << 20)
#define COMMAND_AT 5
#define SIZE_AT 16
#define WRITE_COMMAND 0x20
#define READ_COMMAND 0x21
#define OK_COMMAND 0xF0

struct connection {
	int fd;
	size_t kept;          /* bytes of an unfinished header */
	unsigned char header[HEADER_BYTES];
	size_t payload_left;  /* of a WRITE, straight into the block */
	size_t payload_done;
	unsigned char *out;   /* headers and payloads not yet sent */
	size_t out_start, out_end, out_room;
	int wants_out;
};

static unsigned char *block;
static size_t block_bytes;
static int poller;
static unsigned char in[IN_BYTES];

static uint32_t get32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(unsigned char *p, uint32_t v)
{
	p[0] = (unsigned char)(v >> 24);
	p[1] = (unsigned char)(v >> 16);
	p[2] = (unsigned char)(v >> 8);
	p[3] = (unsigned char)v;
}

static void flush(struct connection *c)
{
	while (c->out_start < c->out_end) {
		ssize_t n = send(c->fd, c->out + c->out_start, c->out_end - c->out_start,
				 MSG_NOSIGNAL);
		if (n < 0)
			break;
		c->out_start += (size_t)n;
	}
	if (c->out_start == c->out_end)
		c->out_start = c->out_end = 0;
	int wants_out = c->out_end > 0;
	if (wants_out != c->wants_out) {
		struct epoll_event event = {.events = EPOLLIN | (wants_out ? EPOLLOUT : 0),
					    .data.ptr = c};
		epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
		c->wants_out = wants_out;
	}
}

static void append(struct connection *c, const unsigned char *data, size_t length)
{
	if (c->out_end + length > c->out_room) {
		c->out_room = (c->out_end + length) * 2;
		c->out = realloc(c->out, c->out_room);
		if (!c->out)
			abort();
	}
	memcpy(c->out + c->out_end, data, length);
	c->out_end += length;
}

static void reply(struct connection *c, const unsigned char *request, size_t length)
{
	unsigned char header[HEADER_BYTES];
	memcpy(header, request, HEADER_BYTES);
	header[COMMAND_AT] = OK_COMMAND;
	put32(header + SIZE_AT, (uint32_t)length);
	append(c, header, HEADER_BYTES);
	if (length >= OUT_BYTES / 4 && c->out_start == 0) {
		/* Nothing before it but a little: send straight from the block. */
		flush(c);
		size_t done = 0;
		while (!c->out_end && done < length) {
			ssize_t n = send(c->fd, block + done, length - done, MSG_NOSIGNAL);
			if (n < 0)
				break;
			done += (size_t)n;
		}
		if (done < length)
			append(c, block + done, length - done);
	} else if (length) {
		append(c, block, length);
	}
}

static void serve(struct connection *c, const unsigned char *data, size_t length)
{
	while (length) {
		if (c->payload_left) {
			size_t n = length < c->payload_left ? length : c->payload_left;
			memcpy(block + c->payload_done, data, n);
			c->payload_done += n;
			c->payload_left -= n;
			data += n;
			length -= n;
			if (!c->payload_left)
				reply(c, c->header, 0);
			continue;
		}
		size_t n = HEADER_BYTES - c->kept;
		if (n > length)
			n = length;
		memcpy(c->header + c->kept, data, n);
		c->kept += n;
		data += n;
		length -= n;
		if (c->kept < HEADER_BYTES)
			break;
		c->kept = 0;
		uint32_t size = get32(c->header + SIZE_AT);
		if (size > block_bytes)
			size = (uint32_t)block_bytes;
		if (c->header[COMMAND_AT] == WRITE_COMMAND && size) {
			c->payload_left = size;
			c->payload_done = 0;
		} else {
			reply(c, c->header, c->header[COMMAND_AT] == READ_COMMAND ? size : 0);
		}
	}
}

static void drop(struct connection *c)
{
	close(c->fd);
	free(c->out);
	free(c);
}

static void readable(struct connection *c)
{
	ssize_t n;
	if (c->payload_left > IN_BYTES) {
		n = recv(c->fd, block + c->payload_done, c->payload_left, 0);
		if (n > 0) {
			c->payload_done += (size_t)n;
			c->payload_left -= (size_t)n;
			if (!c->payload_left)
				reply(c, c->header, 0);
		}
	} else {
		n = recv(c->fd, in, sizeof in, 0);
		if (n > 0)
			serve(c, in, (size_t)n);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		drop(c);
		return;
	}
	flush(c);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: limit BLOCK_BYTES\n");
		return 2;
	}
	block_bytes = (size_t)atol(argv[1]);
	block = calloc(1, block_bytes);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t length = sizeof address;
	if (!block || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096)
	    || getsockname(listener, (struct sockaddr *)&address, &length)) {
		perror("limit");
		return 1;
	}
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	poller = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int ready = epoll_wait(poller, events, 256, -1);
		for (int i = 0; i < ready; i++) {
			struct connection *c = events[i].data.ptr;
			if (!c) {
				int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
				if (fd < 0)
					continue;
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				c = calloc(1, sizeof *c);
				if (!c)
					abort();
				c->fd = fd;
				event.events = EPOLLIN;
				event.data.ptr = c;
				epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
			} else if (events[i].events & (EPOLLERR | EPOLLHUP)) {
				/* The client is gone and replies are unsent. The connection would
				 * stay ready, and this loop would take the processor from the
				 * other servers. */
				drop(c);
			} else if (events[i].events & EPOLLOUT) {
				flush(c);
			} else {
				readable(c);
			}
		}
	}
}
