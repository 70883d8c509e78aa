from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger

REFUSED = {"api_key", "extra_headers", "headers"}


class NoClientKeys(CustomLogger):
    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        found = sorted(REFUSED & set(data))
        if found:
            raise HTTPException(403, detail=f"not allowed in a request: {', '.join(found)}")
        return data


hook = NoClientKeys()
