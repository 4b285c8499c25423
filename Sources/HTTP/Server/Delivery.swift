import CMicrohttpd
import Telemetry

/// Turns an answer into the engine's, with the header fields that every answer carries.
struct Delivery {
    let service: Service
    /// Nil when the head was refused before anything could be said about it.
    let head: RequestHead?
    let allowance: Allowance?
    let requestID: String
    let closesConnection: Bool

    /// The caller owns the result. Nil only when memory is out.
    func make(_ response: Response, stream: StreamDelivery?) -> OpaquePointer? {
        guard let result = unsafe body(response, stream: stream) else { return nil }
        for header in response.headers { unsafe add(header.name, header.value, to: result) }
        unsafe add("X-Request-Id", requestID, to: result)
        unsafe add("X-Content-Type-Options", "nosniff", to: result)
        if let (policy, standing) = allowance?.fields {
            unsafe add(RateFields.policyName, policy, to: result)
            unsafe add(RateFields.standingName, standing, to: result)
        }
        if let seconds = service.configuration.strictTransportSeconds {
            unsafe add("Strict-Transport-Security", "max-age=\(seconds)", to: result)
        }
        if response.isPage { unsafe addPageFields(to: result) }
        if !service.configuration.originsAllowed.isEmpty { unsafe addOriginFields(to: result) }
        if closesConnection { unsafe add("Connection", "close", to: result) }
        return unsafe result
    }

    private func body(_ response: Response, stream: StreamDelivery?) -> OpaquePointer? {
        switch response.body {
        case .none:
            return unsafe MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT)
        case .bytes(var bytes):
            return unsafe bytes.withUnsafeMutableBytes {
                unsafe MHD_create_response_from_buffer($0.count, $0.baseAddress, .RESPMEM_MUST_COPY)
            }
        case .file(let file):
            return unsafe MHD_create_response_from_buffer_with_free_callback_cls(
                file.count, file.pointer.baseAddress, releaseFile,
                Unmanaged.passRetained(file).toOpaque())
        case .events, .produced:
            guard let stream else {
                return unsafe MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT)
            }
            return unsafe stream.makeResponse()
        }
    }

    private func addPageFields(to result: OpaquePointer) {
        unsafe add(
            "Content-Security-Policy", service.configuration.contentSecurityPolicy, to: result)
        unsafe add("Referrer-Policy", "strict-origin-when-cross-origin", to: result)
        unsafe add("Cross-Origin-Opener-Policy", "same-origin", to: result)
        // For browsers that do not know `frame-ancestors`.
        unsafe add("X-Frame-Options", "DENY", to: result)
    }

    private func addOriginFields(to result: OpaquePointer) {
        unsafe add("Vary", "Origin", to: result)
        guard let head, let origin = service.allowedOrigin(head) else { return }
        unsafe add("Access-Control-Allow-Origin", origin, to: result)
        unsafe add("Access-Control-Expose-Headers", Service.headersExposed, to: result)
    }

    /// The engine refuses values with line ends; such a field is left out, never split.
    private func add(_ name: String, _ value: String, to result: OpaquePointer) {
        if unsafe MHD_add_response_header(result, name, value) == .NO {
            Log.warning("http_header_refused", ["name": .text(name)])
        }
    }
}

/// The engine is done with a file's bytes.
private let releaseFile: MHD_ContentReaderFreeCallback = { file in
    guard let file = unsafe file else { return }
    unsafe Unmanaged<ImmutableBytes>.fromOpaque(file).release()
}
