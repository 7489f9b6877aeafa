/* A load generator that is faster than any server.
 *
 * Rule: it knows no protocol. It sends requests of one fixed length, counts
 * replies of one fixed length, and compares the first CHECK_BYTES of each with
 * those of the first one, so that error replies are not counted.
 *
 *   load PORT CONNECTIONS DEPTH SECONDS REQUEST_BYTES REPLY_BYTES CHECK_BYTES FILE
 *        [PATCH_FROM PATCH_TO]
 *
 * FILE holds one or more requests of REQUEST_BYTES each, taken in turn; DEPTH
 * of them are in flight on each of CONNECTIONS connections to 127.0.0.1:PORT.
 * With PATCH_FROM and PATCH_TO the file holds pairs of requests: eight bytes at
 * PATCH_FROM of the reply to the first are put at PATCH_TO of the second (an
 * ALLOC's handle into its FREE), and the depth is one.
 *
 * Prints one JSON object: requests a second, megabytes a second both ways
 * together, percentiles of the time from sending to the last reply byte, and
 * how many replies came in all, those of the warm-up included.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SCRATCH_BYTES (1 << 20)
#define MAX_CHECK_BYTES 16
#define BUCKETS 4096
#define ACCEPTED_TOGETHER 256 /* fewer than the queue of any of the servers holds */

struct connection {
	int fd;
	uint32_t unsent;     /* whole requests still to be sent */
	size_t request_done; /* bytes of the current request already sent */
	size_t next;         /* which request of the file comes next */
	size_t reply_done;   /* bytes of the current reply already received */
	uint64_t *sent_at;   /* a ring of DEPTH times */
	uint32_t oldest, newest;
	int wants_out;
	unsigned char patch[8];
};

static size_t request_bytes, reply_bytes, requests_in_file;
static uint32_t depth;
static unsigned char *requests;
static long patch_from = -1, patch_to = -1;
static unsigned char head[MAX_CHECK_BYTES];
static size_t head_bytes;
static int head_known;
static uint64_t histogram[BUCKETS], replies, all_replies, mismatches;
static int counting, poller;
static unsigned char scratch[SCRATCH_BYTES];

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* 64 buckets for each power of two: the error is below two per cent. */
static unsigned bucket(uint64_t ns)
{
	if (ns < 64)
		return (unsigned)ns;
	unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - 6;
	unsigned index = (shift + 1) * 64 + (unsigned)((ns >> shift) & 63);
	return index < BUCKETS ? index : BUCKETS - 1;
}

static double bucket_us(unsigned index)
{
	if (index < 64)
		return index / 1000.0;
	unsigned shift = index / 64 - 1;
	return (double)((uint64_t)(64 + index % 64) << shift) / 1000.0;
}

static double percentile(double share)
{
	uint64_t wanted = (uint64_t)((double)replies * share), seen = 0;
	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += histogram[i];
		if (seen > wanted)
			return bucket_us(i);
	}
	return 0;
}

static void watch(struct connection *c, int wants_out)
{
	if (c->wants_out == wants_out)
		return;
	struct epoll_event event = {.events = EPOLLIN | (wants_out ? EPOLLOUT : 0), .data.ptr = c};
	if (epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event))
		die("epoll_ctl");
	c->wants_out = wants_out;
}

/* Send what is due, in as few calls as the buffers allow. */
static void send_due(struct connection *c)
{
	static unsigned char batch[SCRATCH_BYTES];
	while (c->unsent) {
		const unsigned char *from;
		size_t length;
		uint32_t whole = 1;
		if (!c->request_done && request_bytes * 2 <= sizeof batch && patch_from < 0) {
			whole = c->unsent;
			if (whole > sizeof batch / request_bytes)
				whole = (uint32_t)(sizeof batch / request_bytes);
			size_t next = c->next;
			for (uint32_t i = 0; i < whole; i++) {
				memcpy(batch + i * request_bytes, requests + next * request_bytes,
				       request_bytes);
				if (++next == requests_in_file)
					next = 0;
			}
			from = batch;
			length = whole * request_bytes;
		} else {
			memcpy(batch, requests + c->next * request_bytes,
			       request_bytes < 256 ? request_bytes : 256);
			if (patch_from >= 0 && c->next % 2)
				memcpy(batch + patch_to, c->patch, 8);
			from = patch_from >= 0 ? batch : requests + c->next * request_bytes;
			from += c->request_done;
			length = request_bytes - c->request_done;
		}
		uint64_t at = now_ns();
		ssize_t sent = send(c->fd, from, length, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno != EAGAIN)
				die("send");
			watch(c, 1);
			return;
		}
		size_t done = c->request_done + (size_t)sent;
		/* A request's time begins with its first byte. */
		uint32_t begun = (uint32_t)((done + request_bytes - 1) / request_bytes);
		for (uint32_t i = c->request_done ? 1 : 0; i < begun; i++)
			c->sent_at[c->newest++ % depth] = at;
		uint32_t finished = (uint32_t)(done / request_bytes);
		c->request_done = done % request_bytes;
		c->unsent -= finished;
		c->next = (c->next + finished) % requests_in_file;
	}
	watch(c, 0);
}

/* Account for received bytes; returns how many replies they completed. */
static uint32_t take(struct connection *c, const unsigned char *data, size_t length, uint64_t at)
{
	uint32_t finished = 0;
	while (length) {
		if (c->reply_done < head_bytes) {
			size_t n = head_bytes - c->reply_done;
			if (n > length)
				n = length;
			if (!head_known)
				memcpy(head + c->reply_done, data, n);
			else if (memcmp(head + c->reply_done, data, n))
				mismatches++;
		}
		if (patch_from >= 0)
			for (size_t i = 0; i < length && i < reply_bytes - c->reply_done; i++) {
				long place = (long)(c->reply_done + i) - patch_from;
				if (place >= 0 && place < 8)
					c->patch[place] = data[i];
			}
		size_t n = reply_bytes - c->reply_done;
		if (n > length)
			n = length;
		c->reply_done += n;
		data += n;
		length -= n;
		if (c->reply_done == reply_bytes) {
			c->reply_done = 0;
			head_known = 1;
			finished++;
			all_replies++;
			uint64_t sent = c->sent_at[c->oldest++ % depth];
			if (counting) {
				histogram[bucket(at - sent)]++;
				replies++;
			}
		}
	}
	return finished;
}

static void receive(struct connection *c)
{
	for (;;) {
		ssize_t n = recv(c->fd, scratch, sizeof scratch, 0);
		if (n < 0) {
			if (errno == EAGAIN)
				return;
			die("recv");
		}
		if (!n) {
			fprintf(stderr, "the server closed a connection\n");
			exit(1);
		}
		uint32_t finished = take(c, scratch, (size_t)n, now_ns());
		if (finished) {
			c->unsent += finished;
			send_due(c);
		}
		if ((size_t)n < sizeof scratch)
			return;
	}
}

static void load_requests(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END))
		die(path);
	long size = ftell(file);
	rewind(file);
	requests = malloc((size_t)size);
	if (!requests || fread(requests, 1, (size_t)size, file) != (size_t)size)
		die(path);
	fclose(file);
	requests_in_file = (size_t)size / request_bytes;
	if (!requests_in_file || (size_t)size % request_bytes) {
		fprintf(stderr, "%s does not hold requests of %zu bytes\n", path, request_bytes);
		exit(2);
	}
}

/* Wait until the server has accepted `fd`, and so all connections before it: have it answer
 * one request.  A queue of connections that is full makes the kernel try again after seconds. */
static void wait_until_accepted(int fd)
{
	size_t done = 0;
	while (done < request_bytes) {
		ssize_t n = send(fd, requests + done, request_bytes - done, MSG_NOSIGNAL);
		if (n < 0)
			die("send");
		done += (size_t)n;
	}
	for (done = 0; done < reply_bytes;) {
		size_t room = reply_bytes - done < sizeof scratch ? reply_bytes - done : sizeof scratch;
		ssize_t n = recv(fd, scratch, room, 0);
		if (n <= 0)
			die("recv");
		done += (size_t)n;
	}
}

int main(int argc, char **argv)
{
	if (argc != 9 && argc != 11) {
		fprintf(stderr, "usage: load PORT CONNECTIONS DEPTH SECONDS REQUEST_BYTES "
				"REPLY_BYTES CHECK_BYTES FILE [PATCH_FROM PATCH_TO]\n");
		return 2;
	}
	int port = atoi(argv[1]);
	size_t count = (size_t)atol(argv[2]);
	depth = (uint32_t)atol(argv[3]);
	double seconds = atof(argv[4]);
	request_bytes = (size_t)atol(argv[5]);
	reply_bytes = (size_t)atol(argv[6]);
	if (argc == 11) {
		patch_from = atol(argv[9]);
		patch_to = atol(argv[10]);
		depth = 1;
	}
	head_bytes = (size_t)atol(argv[7]);
	if (head_bytes > MAX_CHECK_BYTES || head_bytes > reply_bytes)
		head_bytes = 0;
	load_requests(argv[8]);

	poller = epoll_create1(0);
	struct connection *connections = calloc(count, sizeof *connections);
	if (!connections)
		die("calloc");
	for (size_t i = 0; i < count; i++) {
		struct connection *c = connections + i;
		struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		int one = 1;
		c->fd = socket(AF_INET, SOCK_STREAM, 0);
		if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address))
			die("connect");
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (i % ACCEPTED_TOGETHER == ACCEPTED_TOGETHER - 1)
			wait_until_accepted(c->fd);
		fcntl(c->fd, F_SETFL, O_NONBLOCK);
		c->sent_at = calloc(depth, sizeof *c->sent_at);
		c->next = patch_from >= 0 ? 0 : i * 7919 % requests_in_file;
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
		if (!c->sent_at || epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event))
			die("epoll_ctl");
	}
	for (size_t i = 0; i < count; i++) {
		connections[i].unsent = depth;
		send_due(connections + i);
	}

	struct epoll_event events[256];
	uint64_t warm = now_ns() + (uint64_t)(seconds * 0.15e9), began = 0, ended = 0;
	uint64_t end = UINT64_MAX;
	for (;;) {
		int ready = epoll_wait(poller, events, 256, 100);
		uint64_t now = now_ns();
		if (!counting && now >= warm) {
			counting = 1;
			began = now;
			end = now + (uint64_t)(seconds * 1e9);
		}
		if (now >= end) {
			ended = now;
			break;
		}
		for (int i = 0; i < ready; i++) {
			struct connection *c = events[i].data.ptr;
			if (events[i].events & EPOLLOUT)
				send_due(c);
			if (events[i].events & ~(uint32_t)EPOLLOUT)
				receive(c);
		}
	}
	double took = (double)(ended - began) / 1e9;
	double bytes = (double)replies * (double)(request_bytes + reply_bytes);
	printf("{\"requests_per_second\": %.1f, \"megabytes_per_second\": %.2f, \"p50_us\": %.1f, "
	       "\"p99_us\": %.1f, \"p999_us\": %.1f, \"replies\": %llu, \"all_replies\": %llu, "
	       "\"mismatches\": %llu}\n",
	       (double)replies / took, bytes / took / 1e6, percentile(0.5), percentile(0.99),
	       percentile(0.999), (unsigned long long)replies,
	       (unsigned long long)all_replies, (unsigned long long)mismatches);
	return mismatches ? 3 : 0;
}
