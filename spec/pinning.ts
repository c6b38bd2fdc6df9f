// Generated from pinning.yaml by openapi-typescript. Change that, then: npm run generate

export interface paths {
    "/pins": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List pins
         * @description Newest first. With none of cid, name, meta and status given, only pinned ones are listed. Filters combine with AND. A parameter that is not named here is ignored; one that is malformed is refused.
         */
        get: operations["getPins"];
        put?: never;
        /**
         * Ask for a CID to be kept
         * @description The request is on disk when the reply is sent. Asking twice gives two pins.
         */
        post: operations["addPin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/pins/{requestid}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestid: string;
            };
            cookie?: never;
        };
        /**
         * One pin
         * @description As it stands now. Somebody else's looks the same as one that never was.
         */
        get: operations["getPinByRequestId"];
        put?: never;
        /**
         * Replace a pin
         * @description Adds the new pin and removes the old one in one step, so that blocks they share are never let go. The reply has a new requestid; the old one is gone.
         */
        post: operations["replacePinByRequestId"];
        /**
         * Remove a pin
         * @description What another pin still names stays.
         */
        delete: operations["deletePinByRequestId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description A page of pins */
        PinResults: {
            /**
             * Format: int32
             * @description Pins that match the filters, before and after included; only limit has no say in it
             */
            count: number;
            /** @description At most limit of them, newest first */
            results: components["schemas"]["PinStatus"][];
        };
        /** @description A pin and how it stands */
        PinStatus: {
            /** @description Names this pin; a UUID */
            requestid: string;
            status: components["schemas"]["Status"];
            /**
             * Format: date-time
             * @description When it was accepted, in UTC to the millisecond. It never changes, is unique within an account, and is the cursor for paging
             */
            created: string;
            pin: components["schemas"]["Pin"];
            delegates: components["schemas"]["Delegates"];
            info?: components["schemas"]["StatusInfo"];
        };
        /** @description What is to be kept. Fields that are not named here are dropped */
        Pin: {
            /** @description The root of the DAG, in any version and base; replies have it as it was written */
            cid: string;
            /** @description A label to find it by; need not be unique */
            name?: string;
            origins?: components["schemas"]["Origins"];
            meta?: components["schemas"]["PinMeta"];
        };
        /**
         * @description How far it is; info.status_details says why it waits or failed
         * @enum {string}
         */
        Status: "queued" | "pinning" | "pinned" | "failed";
        /** @description Addresses of the node that fetches, for the client to connect to; at most three, public ones first */
        Delegates: string[];
        /** @description Where the blocks are to be had. Only hints: addresses that cannot or may not be dialled are left aside without an error. They are used until the pin is held, and never shown */
        Origins: string[];
        /** @description Anything the client wants to remember with the pin, at most 1000 entries. vendor_policy chooses a storage policy */
        PinMeta: {
            [key: string]: string;
        };
        /** @description status_details: why it waits, how far it is or why it failed; dag_size: bytes of all its blocks, once pinned */
        StatusInfo: {
            [key: string]: string;
        };
        /**
         * @description How the name filter compares
         * @default exact
         * @enum {string}
         */
        TextMatchingStrategy: "exact" | "iexact" | "partial" | "ipartial";
        /** @description Why a request was refused */
        Failure: {
            error: {
                /** @description For programs; upper case, stable */
                reason: string;
                /** @description For people; names the field and what would be right */
                details?: string;
            };
        };
    };
    responses: {
        /** @description The request is malformed; details names the field */
        BadRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"];
            };
        };
        /** @description No token, or one that is unknown, revoked or expired */
        Unauthorized: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"];
            };
        };
        /** @description No such pin, or not yours */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"];
            };
        };
        /** @description The account cannot pay */
        InsufficientFunds: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"];
            };
        };
        /** @description 403 ACCOUNT_SUSPENDED or INSUFFICIENT_SCOPE, 405, 408, 413, 415, 417, 429 with Retry-After, 431, 451 CID_BLOCKED by the operator */
        CustomServiceError: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"];
            };
        };
        /** @description 500 with an id that the operator finds in the log, 503 for the moment, 507 while the disk is full */
        InternalServerError: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"];
            };
        };
    };
    parameters: {
        /** @description Only pins created earlier than this, strictly */
        before: string;
        /** @description Only pins created later than this, strictly */
        after: string;
        /** @description The longest page wanted */
        limit: number;
        /** @description Only pins of these, whatever version and base they are written in */
        cid: string[];
        /** @description Only pins of this name */
        name: string;
        /** @description How name compares */
        match: components["schemas"]["TextMatchingStrategy"];
        /** @description Only pins that stand so */
        status: components["schemas"]["Status"][];
        /** @description Only pins that have all these entries. A JSON object; meta[key]=value is understood too */
        meta: string;
    };
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getPins: {
        parameters: {
            query?: {
                /** @description Only pins of these, whatever version and base they are written in */
                cid?: components["parameters"]["cid"];
                /** @description Only pins of this name */
                name?: components["parameters"]["name"];
                /** @description How name compares */
                match?: components["parameters"]["match"];
                /** @description Only pins that stand so */
                status?: components["parameters"]["status"];
                /** @description Only pins created earlier than this, strictly */
                before?: components["parameters"]["before"];
                /** @description Only pins created later than this, strictly */
                after?: components["parameters"]["after"];
                /** @description The longest page wanted */
                limit?: components["parameters"]["limit"];
                /** @description Only pins that have all these entries. A JSON object; meta[key]=value is understood too */
                meta?: components["parameters"]["meta"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page, and how many match in all */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PinResults"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["InsufficientFunds"];
            "4XX": components["responses"]["CustomServiceError"];
            "5XX": components["responses"]["InternalServerError"];
        };
    };
    addPin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Pin"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PinStatus"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["InsufficientFunds"];
            "4XX": components["responses"]["CustomServiceError"];
            "5XX": components["responses"]["InternalServerError"];
        };
    };
    getPinByRequestId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PinStatus"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["InsufficientFunds"];
            "4XX": components["responses"]["CustomServiceError"];
            "5XX": components["responses"]["InternalServerError"];
        };
    };
    replacePinByRequestId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestid: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Pin"];
            };
        };
        responses: {
            /** @description Accepted, and the old pin removed */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PinStatus"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["InsufficientFunds"];
            "4XX": components["responses"]["CustomServiceError"];
            "5XX": components["responses"]["InternalServerError"];
        };
    };
    deletePinByRequestId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Removed; the reply has no body */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["InsufficientFunds"];
            "4XX": components["responses"]["CustomServiceError"];
            "5XX": components["responses"]["InternalServerError"];
        };
    };
}
