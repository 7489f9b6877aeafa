/* One message there and one back, over one TCP connection: version 2 of docs/protocol.md.
 *
 * Rule: nothing the server sends is believed before it is checked against what was asked, and
 * every failure leaves either a connection on which the next reply is due, or none.
 */
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL /* some systems have the socket option SO_NOSIGPIPE instead */
#define MSG_NOSIGNAL 0
#endif

enum { MAGIC_BYTES = 4, V1_HEADER_BYTES = 24, HEADER_BYTES = 40 };

uint64_t wire_get(const unsigned char *at, unsigned bytes)
{
	uint64_t value = 0;
	while (bytes--)
		value = value << 8 | *at++;
	return value;
}

void wire_put(unsigned char *at, unsigned bytes, uint64_t value)
{
	for (; bytes--; value >>= 8)
		at[bytes] = (unsigned char)value;
}

/* Failures */

int wire_fail(ether *e, int code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(e->message, sizeof e->message, format, arguments);
	va_end(arguments);
	e->code = code;
	return -1;
}

static void hang_up(ether *e)
{
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
}

int wire_lose(ether *e, int code, const char *why)
{
	hang_up(e);
	if (e->in_doubt)
		return wire_fail(e, ETHER_OUTCOME_UNKNOWN, "outcome unknown: %s", why);
	return wire_fail(e, code, "%s", why);
}

void wire_clean(char *text, int was_cut)
{
	unsigned char *c = (unsigned char *)text;
	size_t length = strlen(text), back = 0;
	for (size_t i = 0; i < length; i++) {
		if (c[i] == 0xC2 && c[i + 1] >= 0x80 && c[i + 1] < 0xA0) /* U+0080 to U+009F */
			c[i] = c[i + 1] = '?';
		else if (c[i] < 0x20 || c[i] == 0x7F)
			c[i] = '?';
	}
	while (was_cut && back < length && back < 3 && (c[length - 1 - back] & 0xC0) == 0x80)
		back++;
	if (was_cut && back < length && c[length - 1 - back] >= 0xC0)
		text[length - 1 - back] = '\0'; /* the last character may be half */
}

/* Bytes */

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int wait_for(ether *e, short events)
{
	int64_t since = now_ms();
	for (;;) {
		struct pollfd p = {e->fd, events, 0};
		int64_t left = e->timeout_ms > 0 ? e->timeout_ms - (now_ms() - since) : -1;
		int n = poll(&p, 1, e->timeout_ms > 0 && left < 0 ? 0 : (int)left);
		if (n > 0)
			return 0;
		if (n == 0)
			return wire_lose(e, ETHER_TIMEOUT, "the server took too long");
		if (errno != EINTR)
			return wire_lose(e, ETHER_NETWORK, strerror(errno));
	}
}

static int would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK;
}

int wire_take(ether *e, void *into, size_t size)
{
	unsigned char waste[4096];
	while (size) {
		size_t room = into || size < sizeof waste ? size : sizeof waste;
		ssize_t n = recv(e->fd, into ? into : waste, room, 0);
		if (n > 0) {
			size -= (size_t)n;
			into = into ? (unsigned char *)into + n : NULL;
		} else if (n == 0) {
			return wire_lose(e, ETHER_NETWORK, "the server closed the connection");
		} else if (would_block()) {
			if (wait_for(e, POLLIN))
				return -1;
		} else if (errno != EINTR) {
			return wire_lose(e, ETHER_NETWORK, strerror(errno));
		}
	}
	return 0;
}

/* Messages */

int wire_begin(ether *e)
{
	char byte, cause[sizeof e->message];
	ssize_t n;

	if (!e)
		return -1;
	if (e->fd < 0) {
		if (e->code == ETHER_CLOSED)
			return -1;
		memcpy(cause, e->message, sizeof cause);
		return wire_fail(e, ETHER_CLOSED, "not connected: %.400s", cause);
	}
	e->in_doubt = 0;
	e->moved = 0;
	wire_fail(e, ETHER_OK, "%s", "");
	/* Between calls nothing is due.  A server that has hung up is noticed here, while it is
	 * certain that the request was not sent. */
	do
		n = recv(e->fd, &byte, 1, MSG_PEEK);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return wire_lose(e, ETHER_BAD_REPLY, "the server spoke without being asked");
	if (n == 0)
		return wire_lose(e, ETHER_NETWORK, "the server had closed the connection; nothing was sent");
	return would_block() ? 0 : wire_lose(e, ETHER_NETWORK, strerror(errno));
}

int wire_send(ether *e, struct request *r)
{
	unsigned char header[HEADER_BYTES];
	struct iovec parts[2] = {{header, sizeof header}, {(void *)(uintptr_t)r->payload, r->length}};
	struct msghdr message;

	r->id = e->next_id++;
	memset(header, 0xE7, MAGIC_BYTES);
	header[4] = 2;
	header[5] = (unsigned char)r->command;
	wire_put(header + 6, 2, r->flags);
	wire_put(header + 8, 8, r->handle);
	wire_put(header + 16, 8, r->size);
	wire_put(header + 24, 8, r->offset);
	wire_put(header + 32, 4, r->id);
	wire_put(header + 36, 4, r->length);
	memset(&message, 0, sizeof message);
	message.msg_iov = parts;
	message.msg_iovlen = 2;
	while (parts[0].iov_len || parts[1].iov_len) {
		ssize_t n = sendmsg(e->fd, &message, MSG_NOSIGNAL);
		for (struct iovec *p = parts; n > 0 && p < parts + 2; p++) {
			size_t gone = (size_t)n < p->iov_len ? (size_t)n : p->iov_len;
			if (gone)
				p->iov_base = (unsigned char *)p->iov_base + gone;
			p->iov_len -= gone;
			n -= (ssize_t)gone;
		}
		if (n >= 0)
			continue;
		if (errno == EPIPE || errno == ECONNRESET) {
			e->cut = 1;
			return 0;
		}
		if (would_block() ? wait_for(e, POLLOUT) : errno == EINTR ? 0 : wire_lose(e, ETHER_NETWORK, strerror(errno)))
			return -1;
	}
	e->in_doubt += r->changes != 0;
	return 0;
}

static int was_cut(const ether *e, const struct request *r)
{
	return e->cut && r->id == e->next_id - 1;
}

void wire_settle(ether *e, const struct request *r)
{
	e->served = 1;
	e->in_doubt -= r->changes && !was_cut(e, r);
}

/* Take an ERROR's body of `length` bytes. */
static int refused(ether *e, const struct request *r, uint32_t length)
{
	unsigned char body[2 + sizeof e->message];
	uint32_t kept = length < sizeof body - 1 ? length : (uint32_t)sizeof body - 1;
	int code, first = !e->served;

	if (length < 2)
		return wire_lose(e, ETHER_BAD_REPLY, "an ERROR without a code");
	if (wire_take(e, body, kept) || wire_take(e, NULL, length - kept))
		return -1;
	code = (int)wire_get(body, 2);
	if (code == ETHER_OK)
		return wire_lose(e, ETHER_BAD_REPLY, "an ERROR that means OK");
	wire_settle(e, r);
	body[kept] = '\0';
	wire_clean((char *)body + 2, kept < length);
	if (e->code == ETHER_OK)
		wire_fail(e, code, "%s", (char *)body + 2);
	if (code == ETHER_CORRUPT || (first && (code == ETHER_FORBIDDEN || code == ETHER_BUSY)))
		hang_up(e); /* the server is doing the same */
	return -1;
}

int wire_receive(ether *e, const struct request *r, uint32_t least, uint32_t most, struct reply *reply)
{
	unsigned char h[HEADER_BYTES], magic[MAGIC_BYTES];
	const char *wrong = NULL;

	memset(magic, 0xE7, sizeof magic);
	if (wire_take(e, h, V1_HEADER_BYTES)) /* a refusal in version 1 has no more */
		return -1;
	if (memcmp(h, magic, sizeof magic) != 0)
		return wire_lose(e, ETHER_BAD_REPLY, "what answers is no Ether server");
	if (h[4] != 2) {
		if (h[4] == 1 && h[5] == ERROR) /* nothing was carried out */
			wire_settle(e, r);
		return wire_lose(e, ETHER_UNSUPPORTED, "the server does not speak version 2");
	}
	if (wire_take(e, h + V1_HEADER_BYTES, HEADER_BYTES - V1_HEADER_BYTES))
		return -1;
	reply->handle = wire_get(h + 8, 8);
	reply->size = wire_get(h + 16, 8);
	reply->length = (uint32_t)wire_get(h + 36, 4);
	if (reply->length > ETHER_MAX_PAYLOAD_BYTES)
		wrong = "a reply longer than any message may be";
	else if (wire_get(h + 32, 4) != r->id)
		wrong = "a reply to another request than the one that is due";
	else if (h[5] == ERROR)
		return refused(e, r, reply->length);
	else if (h[5] != (r->command == PING ? PONG : OK) || was_cut(e, r))
		wrong = "a reply of the wrong kind";
	else if (r->command == ALLOC ? reply->handle == 0 : reply->handle != (r->command == LIST ? 0 : r->handle))
		wrong = "a reply about another handle";
	else if (reply->length < least || reply->length > most)
		wrong = "a reply of the wrong length";
	return wrong ? wire_lose(e, ETHER_BAD_REPLY, wrong) : 0;
}

/* Connections */

/* Begin to connect; 0, or the errno. */
static int dial(ether *e, const struct addrinfo *a)
{
	int on = 1;
	e->fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
	if (e->fd < 0)
		return errno;
	fcntl(e->fd, F_SETFD, FD_CLOEXEC);
	fcntl(e->fd, F_SETFL, O_NONBLOCK);
#ifdef SO_NOSIGPIPE
	setsockopt(e->fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
	setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return connect(e->fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS || errno == EINTR ? 0 : errno;
}

ether *ether_connect(const char *host, const char *port, int timeout_ms)
{
	struct addrinfo wanted, *found = NULL;
	ether *e = calloc(1, sizeof *e);
	int status;

	if (!e)
		return NULL;
	e->fd = -1;
	e->timeout_ms = timeout_ms;
	memset(&wanted, 0, sizeof wanted);
	wanted.ai_socktype = SOCK_STREAM;
	status = getaddrinfo(host, port, &wanted, &found);
	wire_fail(e, ETHER_NETWORK, "%s: %s", host, status ? gai_strerror(status) : "no address");
	for (const struct addrinfo *a = found; a && e->fd < 0; a = a->ai_next) {
		int error = dial(e, a);
		socklen_t size = sizeof error;
		if (error == 0 && wait_for(e, POLLOUT))
			continue;
		if (error == 0 && getsockopt(e->fd, SOL_SOCKET, SO_ERROR, &error, &size))
			error = errno;
		if (error)
			wire_lose(e, ETHER_NETWORK, strerror(error));
		else
			wire_fail(e, ETHER_OK, "%s", "");
	}
	if (found)
		freeaddrinfo(found);
	return e;
}

void ether_close(ether *e)
{
	if (e)
		hang_up(e);
	free(e);
}
