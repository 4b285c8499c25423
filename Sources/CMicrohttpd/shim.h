// Typed forms of what libmicrohttpd declares as variadic, which Swift cannot call.
#pragma once
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

// The raw target is taken apart in Swift, so MHD must leave escapes alone.
static size_t florin_mhd_keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

// A daemon without threads: its owner waits on its epoll descriptor and calls MHD_run.
static inline struct MHD_Daemon *florin_mhd_start(
    int listening_socket, unsigned int connections_max, size_t connection_bytes_max,
    unsigned int idle_seconds, void *context,
    void *(*on_target)(void *, const char *, struct MHD_Connection *),
    MHD_AccessHandlerCallback on_request, MHD_RequestCompletedCallback on_completed,
    MHD_NotifyConnectionCallback on_connection)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request,
        context, MHD_OPTION_LISTEN_SOCKET, listening_socket, MHD_OPTION_CONNECTION_LIMIT,
        connections_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_bytes_max,
        MHD_OPTION_CONNECTION_TIMEOUT, idle_seconds, MHD_OPTION_URI_LOG_CALLBACK, on_target,
        context, MHD_OPTION_NOTIFY_COMPLETED, on_completed, context,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, context, MHD_OPTION_UNESCAPE_CALLBACK,
        florin_mhd_keep_escapes, NULL, MHD_OPTION_END);
}

static inline int florin_mhd_epoll_descriptor(struct MHD_Daemon *daemon)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info == NULL ? -1 : info->epoll_fd;
}

static inline int florin_mhd_socket(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

// What on_connection stored for this connection.
static inline void *florin_mhd_socket_context(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

// Writes the client's address as text, such as 192.0.2.1; false if there is none.
static inline bool florin_mhd_address(
    struct MHD_Connection *connection, char *text, socklen_t text_bytes)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL)
        return false;
    socklen_t bytes = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                               : sizeof(struct sockaddr_in);
    return getnameinfo(info->client_addr, bytes, text, text_bytes, NULL, 0, NI_NUMERICHOST) == 0;
}

// Bytes from the first of the method to the last of the empty line, as they were received.
static inline size_t florin_mhd_head_bytes(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL ? 0 : info->header_size;
}

// A response body that is produced piece by piece and ends when the reader says so.
static inline struct MHD_Response *florin_mhd_stream(
    size_t block_bytes, MHD_ContentReaderCallback read, void *context,
    MHD_ContentReaderFreeCallback release)
{
    return MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, block_bytes, read, context, release);
}

static const ssize_t florin_mhd_end_of_stream = MHD_CONTENT_READER_END_OF_STREAM;
static const ssize_t florin_mhd_end_with_error = MHD_CONTENT_READER_END_WITH_ERROR;
